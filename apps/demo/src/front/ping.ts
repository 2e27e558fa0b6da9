import { connect } from 'node:net'

/** Whether something listens there and, given a greeting, answers it. Bounded; never throws. */
export function answers(host: string, port: number, withinMs: number, greeting?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(withinMs, () => end(false))
    socket.once('error', () => end(false))
    socket.once('connect', () => (greeting === undefined ? end(true) : socket.write(greeting)))
    socket.once('data', () => end(true))
  })
}
