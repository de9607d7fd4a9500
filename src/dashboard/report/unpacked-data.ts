import type { ReportData } from '../../protocol/report-data.js';

/** The data of the report, which the command that wrote it has compressed. @throws when the file is damaged */
export async function unpackedData(base64: string): Promise<ReportData> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return await new Response(unpacked).json();
}
