/**
 * The number of seconds that an attribute `time` means, as readers of reports take it: `1,234.5` and `1.234,5` are
 * `1234.5`, `0,25` is `0.25`. Of `1,234` nobody can know; Surefire writes a thousand so. Other text stays as it is.
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
