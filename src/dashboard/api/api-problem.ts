/** Why a call of the API failed. `message` is a sentence for people. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  /** The API's error code; AWAY when no response arrived. */
  readonly code: string;
  /** 0 when no response arrived. */
  readonly status: number;

  /** Whether the same call may succeed soon. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function awayProblem(): ApiProblem {
  return new ApiProblem('AWAY', 0, 'The master does not respond; the page goes on when it is back.');
}

/** The problem that the body of a response describes. `body` is null when it is no JSON. */
export function problemOfResponse(status: number, body: unknown): ApiProblem {
  const fields = typeof body === 'object' && body !== null ? body : {};
  const code = 'code' in fields && typeof fields.code === 'string' ? fields.code : 'INTERNAL';
  const message =
    'error' in fields && typeof fields.error === 'string'
      ? fields.error
      : `The master responded with status ${status}; try again later.`;
  return new ApiProblem(code, status, message);
}
