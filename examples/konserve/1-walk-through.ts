// konserve's walk-through, call by call: https://github.com/replikativ/konserve#usage
import { create } from 'tidemark'

await using store = await create({ file: 'konserve.db' })

// A hook sees every successful write.
store.hooks.add('my-logger', ({ op, key }) => console.log('write:', op, key))

await store.setIn('foo', ['bar'], { foo: 'baz' })
console.log(await store.getIn('foo', []))
console.log(await store.has('foo'))

await store.set('bar', 42)
await store.update<number>('bar', (n) => n! + 1)
console.log(await store.get('bar'))
console.log((await store.delete('bar')).deleted)

await store.log('error-log').append({ type: 'horrible' })
for await (const error of store.log('error-log')) console.log(error)

await store.blob('banana').write(new Uint8Array(10 * 1024 * 1024).fill(42))
let sum = 0
for await (const chunk of (await store.blob('banana').read())!) for (const byte of chunk) sum += byte
console.log(sum === 42 * 10 * 1024 * 1024)

// Several keys at once, atomically; of those that are asked for, what exists.
await store.setMany([
  ['user1', { name: 'Alice' }],
  ['user2', { name: 'Bob' }],
])
console.log([...(await store.getMany(['user1', 'user2', 'nonexistent'])).keys()])
console.log([...(await store.deleteMany(['user1', 'user3'])).deleted])

store.hooks.remove('my-logger')
await store.set('quiet', true)

// Without promises, on a store that is in the process.
store.sync!.set('now', 1)
console.log(store.sync!.get('now'))
