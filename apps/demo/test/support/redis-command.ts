import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends one command in one line, and resolves with the raw answer, when there is one. */
export async function redisCommand(port: number, line: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`${line}\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    const text = answer.toString()
    if (text.startsWith('-')) throw new Error(text.trim())
    return text
  } finally {
    socket.destroy()
  }
}
