import { connect } from 'node:net'

/** Whether a server answers there at all, if only to ask for a password. */
export function answers(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (alive: boolean): void => {
      socket.destroy()
      resolve(alive)
    }
    socket.setTimeout(timeoutMs, () => settle(false))
    socket.once('error', () => settle(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG') || data.toString().startsWith('-NOAUTH')))
  })
}
