// Before a service: one request reads, one request writes, and what it refuses is set aside with its payload.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { buffered } from 'tidemark'
import { HttpConnector } from './connectors/http.ts'

const values = new Map([['["a"]', 1]])
const requests: string[] = []
const service = createServer((request, response) => {
  void (async () => {
    requests.push(request.method!)
    if (request.method === 'GET') {
      const value = values.get(decodeURIComponent(request.url!.slice('/values/'.length)))
      return void response.writeHead(value === undefined ? 404 : 200).end(JSON.stringify(value))
    }
    const sent = (await json(request)) as { key: string; value?: number }[]
    if (sent.some(({ value = 0 }) => value < 0)) return void response.writeHead(422).end('not below zero')
    for (const { key, value } of sent) {
      if (value === undefined) values.delete(key)
      else values.set(key, value)
    }
    response.end()
  })()
})
service.listen(0, '127.0.0.1')
await once(service, 'listening')
const { port } = service.address() as AddressInfo

const numbers = await buffered(new HttpConnector(`http://127.0.0.1:${port}`), { onError: () => {} })
for (let i = 0; i < 10; i++) await numbers.update<number>('a', (n) => n! + 1)
await numbers.flush()
console.log(requests, values)

await numbers.setMany([['b', 1]])
await numbers.set('c', -1)
await numbers.flush().catch((error: Error) => console.log(error.message))
for await (const { error, writes } of numbers.deadLetters()) console.log(error.message, writes)
console.log(values)
await numbers.close()
service.closeAllConnections()
service.close()
