const PROJECT_DIR = '$PROJECT_DIR';

/** One word of shell text that means exactly these characters. */
export function shellQuote(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Shell text that sets the variable of an atom; `$PROJECT_DIR` in its value stands for the checkout's path. */
export function assignmentText(variable: string, value: string): string {
  const parts = value.split(PROJECT_DIR).map((part) => (part === '' ? '' : shellQuote(part)));
  return `export ${variable}=${parts.join(`"${PROJECT_DIR}"`) || "''"}`;
}
