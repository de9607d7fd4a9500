/**
 * The seconds of an attribute `time` in the common notation: `1,234.5` and `1.234,5` become `1234.5`, `0,25` becomes `0.25`.
 * `1,234` is ambiguous, and read as a thousand, as Surefire writes it. Other text stays as it is.
 */
export function timeText(time: string): string {
  const text = time.trim();
  if (/^\d{1,3}(,\d{3})+(\.\d*)?$/.test(text) && !/^0\d*,/.test(text)) {
    return text.replaceAll(',', '');
  }
  if (/^\d{1,3}(\.\d{3})+,\d*$/.test(text) || /^\d*,\d+$/.test(text)) {
    return text.replaceAll('.', '').replace(',', '.');
  }
  return text;
}
