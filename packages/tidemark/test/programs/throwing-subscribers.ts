// Subscribers of the store's streams that throw, and one that handles no error. Prints what onError got.
import { open } from 'tidemark'

function explode(): never {
  throw new Error('boom')
}

/** RxJS would throw again from a timer: gives it one. */
async function aTurn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0))
}

const failures: string[] = []
const store = await open({
  log: false,
  // Nobody listens there.
  redis: 'redis://127.0.0.1:1',
  onError: (error) => failures.push((error as Error).message),
})
const seen: string[] = []
const exploding = store.tierEvents$.subscribe(explode)
store.tierEvents$.subscribe(({ type }) => seen.push(type))
await store.set('k', 1)
await aTurn()
console.log('events', seen.length > 0, failures.length === seen.length, new Set(failures))

exploding.unsubscribe()
failures.length = 0
await new Promise<void>((complete) => store.warm().subscribe({ next: explode, complete }))
await aTurn()
console.log('warm', failures)

failures.length = 0
await store.close()
store.warm().subscribe()
await aTurn()
console.log('closed', failures.length)
