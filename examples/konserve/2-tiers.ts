// konserve's tiered store: a frontend in memory, and a backend in a file. Here every store has both, and a `redis` in between
// where there is one, which several processes share; nothing else in this program would change.
import { create, destroy, exists, open } from 'tidemark'

const file = 'konserve-tiers.db'
// Of an earlier run.
await destroy({ file })

console.log('-- lifecycle')
console.log('exists:', await exists(file))
const first = await create({ file, writeBehind: { maxAgeMs: 60_000 } })
console.log('created, exists:', await exists(file))
await create({ file }).catch((error: { code: string }) => console.log('created again:', error.code))

console.log('-- write policies: what does the frontend hold then?')
await first.set('a', 1)
console.log('write-through:', first.peek('a'))
await first.set('a', 2, { writePolicy: 'write-around' })
console.log('write-around: ', first.peek('a'))
// Acknowledged when it is in the journal; committed later, a minute here at the latest, and only the last of many.
for (let n = 3; n <= 100; n++) await first.set('b', n, { writePolicy: 'write-behind' })
await first.flush()
console.log('write-behind: ', first.peek('b'), `(98 writes, ${await first.head()} commits so far)`)

console.log('-- read policies')
console.log('frontend-only: ', await first.get('a', { readPolicy: 'frontend-only' }))
console.log('frontend-first:', await first.get('a'))
console.log('frontend-only: ', await first.get('a', { readPolicy: 'frontend-only' }))

console.log('-- metadata')
await first.set(['user', 1], { name: 'Alice' }, { meta: { source: 'import' } })
const { type, version, writtenAt, meta } = (await first.entry(['user', 1]))!
console.log({ type, version, meta }, 'written just now:', Date.now() - writtenAt.getTime() < 60_000)

console.log('-- sweep: what is older than now, and not kept')
await first.setMany([1, 2, 3, 4].map((n) => [['session', n], { n }] as const))
const { deleted } = await first.sweep({ before: Date.now() + 1, prefix: 'session', keep: [['session', 3]] })
console.log('deleted:', deleted)
console.log('left:   ', await Array.fromAsync(first.keys()))

console.log('-- warm: after a restart, the frontend is empty')
await first.close()
const second = await open({ file, mode: 'open' })
console.log('before:', second.peek('a'))
await second.warm({ prefix: 'user' }).forEach(({ done, total, filled }) => console.log({ done, total, filled }))
await second.warm('missing').forEach(({ done, total, filled }) => console.log({ done, total, filled }))
console.log('after: ', second.peek('a'))
await second.close()
// The same before the store is handed out.
const third = await open({ file, warmOnOpen: true })
console.log('on open:', third.warmed?.filled, third.peek('a'))

console.log('-- and away with it')
await destroy({ file, timeoutMs: 0 }).catch((error: { code: string }) =>
  console.log('destroyed while open:', error.code),
)
await third.close()
console.log('destroyed:', await destroy({ file }))
console.log('exists:', await exists(file))
