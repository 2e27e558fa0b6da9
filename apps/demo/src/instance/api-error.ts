export interface ApiErrorExtras {
  /** Fields beside `code` and `message` in the body: what is allowed, what was found. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that is not what was asked for. Its message says what is wrong and what would be right. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, extras: ApiErrorExtras = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = extras.details ?? {}
    this.headers = extras.headers ?? {}
  }
}
