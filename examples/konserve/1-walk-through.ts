// konserve's walk-through, call by call: https://github.com/replikativ/konserve#usage
import { create, destroy } from 'tidemark'

const file = 'konserve.db'
// Of an earlier run.
await destroy({ file })
await using store = await create({ file })

// A hook sees every successful write.
store.hooks.add('my-logger', ({ op, key }) => console.log('  hook:', op, key))

await store.setIn('foo', ['bar'], { foo: 'baz' })
console.log('foo is', await store.getIn('foo', []))
console.log('foo exists:', await store.has('foo'))

await store.set('bar', 42)
await store.update<number>('bar', (n) => n! + 1)
console.log('bar is', await store.get('bar'))
console.log('bar is deleted:', (await store.delete('bar')).deleted)

await store.log('error-log').append({ type: 'horrible' })
for await (const error of store.log('error-log')) console.log('error-log has', error)

await store.blob('banana').write(new Uint8Array(10 * 1024 * 1024).fill(42))
let sum = 0
for await (const chunk of (await store.blob('banana').read())!) for (const byte of chunk) sum += byte
console.log('banana is whole:', sum === 42 * 10 * 1024 * 1024)

// Several keys at once, atomically; of those that are asked for, what exists.
await store.setMany([
  ['user1', { name: 'Alice' }],
  ['user2', { name: 'Bob' }],
])
for (const [key, value] of await store.getMany(['user1', 'user2', 'nonexistent'])) console.log('got', key, value)
for (const [key, existed] of (await store.deleteMany(['user1', 'user3'])).deleted) console.log('deleted', key, existed)

store.hooks.remove('my-logger')
await store.set('quiet', true)
console.log('keys:', await Array.fromAsync(store.keys()))

// Without promises, on a store that is in the process.
store.sync!.set('now', 1)
console.log('now is', store.sync!.get('now'))
