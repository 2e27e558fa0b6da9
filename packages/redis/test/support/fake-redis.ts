import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

type Reply = string | undefined

/** @returns the reply as it goes over the wire; undefined: none, ever. A promise keeps later replies waiting too. */
export type Answer = (command: readonly string[]) => Reply | Promise<Reply>

/** What a primary says that was initialized, as long as it is only asked how it is. */
export function healthy([command]: readonly string[]): string | undefined {
  if (command === 'INFO') return bulk('# Server\r\nrun_id:f00\r\n# Replication\r\nrole:master\r\n')
  if (command === 'HMGET') return `*4\r\n${bulk('0000000a')}${bulk('0')}${bulk('')}${bulk('')}`
  return undefined
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

/** A server for the replies that a real one is hard to bring to. The handshake always succeeds. Ends with the test. */
export async function fakeRedis(answer: Answer): Promise<{ readonly host: string; readonly port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let received = ''
    let before: Promise<void> | undefined
    const send = (reply: Reply): void => void (reply !== undefined && !socket.destroyed && socket.write(reply))
    socket.on('data', (data) => {
      received += data.toString('latin1')
      for (let next = takeCommand(received); next !== undefined; next = takeCommand(received)) {
        received = next.rest
        const reply = /^(hello|client|select)$/i.test(next.command[0]!) ? '+OK\r\n' : answer(next.command)
        if (before === undefined && !(reply instanceof Promise)) send(reply)
        else before = (before ?? Promise.resolve()).then(async () => send(await reply))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

function takeCommand(text: string): { readonly command: string[]; readonly rest: string } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return undefined
  const command: string[] = []
  let at = head[0].length
  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at))
    if (size === null) return undefined
    const start = at + size[0].length
    at = start + Number(size[1]) + 2
    if (at > text.length) return undefined
    command.push(text.slice(start, at - 2))
  }
  return { command, rest: text.slice(at) }
}
