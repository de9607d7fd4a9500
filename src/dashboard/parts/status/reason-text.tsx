/** A sentence of the master, in which builds are links: "all executors are busy with build 7 (2)". */
export function ReasonText({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(/\b(build \d+)\b/).map((part, place) =>
        place % 2 === 0 ? (
          part
        ) : (
          <a key={place} href={`/ui/${part.replace(' ', '/')}`}>
            {part}
          </a>
        ),
      )}
    </>
  );
}
