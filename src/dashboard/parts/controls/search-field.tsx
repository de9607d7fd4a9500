import { useEffect, useRef, useState } from 'preact/hooks';
import { address, setQuery } from '../../router/location.js';

const PAUSE_MS = 250;

interface SearchFieldProps {
  readonly label: string;
  /** The parameter of the address that holds the text. */
  readonly name: string;
}

/** A text to search for, which the address holds after a pause in typing. */
export function SearchField({ label, name }: SearchFieldProps) {
  const inAddress = address.value.searchParams.get(name) ?? '';
  const [text, setText] = useState(inAddress);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    setText(inAddress);
  }, [inAddress]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ [name]: typed }), PAUSE_MS);
  };
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      maxLength={1000}
      value={text}
      onInput={({ currentTarget }) => type(currentTarget.value)}
    />
  );
}
