import { TidemarkError } from '@tidemark/core'

/** What a connector fails with: `tier` is its id, `cause` what it has thrown. */
export class ConnectorError extends TidemarkError {
  override readonly name = 'ConnectorError'

  /** What it says of what it was asked to do: `retryable: false` refuses it for good, and nothing else does. */
  static of(id: string, error: unknown): ConnectorError {
    const isRefusal = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false
    const message = error instanceof Error ? error.message : String(error)
    return new ConnectorError('IO', `the connector ${id} ${isRefusal ? 'refused' : 'failed'}: ${message}`, {
      retryable: !isRefusal,
      tier: id,
      cause: error,
    })
  }

  static late(id: string, timeoutMs: number): ConnectorError {
    return new ConnectorError('TIMEOUT', `the connector ${id} has not answered within ${timeoutMs} ms`, {
      retryable: true,
      tier: id,
    })
  }
}

/** Whether a connector has refused for good what it was asked to write. */
export function isRefusal(error: unknown): error is ConnectorError {
  return error instanceof ConnectorError && !error.retryable
}
