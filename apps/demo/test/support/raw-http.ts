import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly error: { readonly code: string; readonly message: string } | undefined
}

/** Sends bytes as they are, and resolves with the answer when the other side has closed the connection. */
export async function exchange(url: string, request: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.write(request)
  await once(socket, 'close')
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return {
    status: Number(head.split(' ')[1]),
    head,
    error: body === '' ? undefined : (JSON.parse(body) as { error: RawAnswer['error'] }).error,
  }
}
