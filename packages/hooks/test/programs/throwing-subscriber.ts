// Every way of throwing in a handler, with nobody listening for failures. Prints what a well-behaved one got.
import { createHooks } from '@tidemark/hooks'
import { Payload, StoreKey, createCborCodec, type CommitListener } from '@tidemark/core'
import { map } from 'rxjs'

let emit: CommitListener = () => {}
const hooks = createHooks({
  onCommit(listener) {
    emit = listener
    return () => {}
  },
})

function explode(): never {
  throw new Error('boom')
}

const good: number[] = []
hooks.writes$.subscribe(explode)
// oxlint-disable-next-line typescript/no-misused-promises -- what users write all the same
hooks.writes$.subscribe(async () => explode())
hooks.writes$.pipe(map(explode)).subscribe()
hooks.writes$.pipe(map((change) => change.seq)).subscribe({ next: explode })
hooks.hookErrors$.subscribe(explode)
hooks.add('throws', explode)
hooks.add('rejects', () => Promise.reject(new Error('later')))
hooks.writes$.subscribe((change) => good.push(change.seq))

const payload = Payload.encode(createCborCodec(), 'value')
for (const seq of [1, 2, 3]) {
  const change = {
    seq,
    first: seq,
    last: seq,
    op: 'set',
    key: StoreKey.of(seq),
    payload,
    prevVersion: 0,
    at: 0,
  } as const
  const rest = { path: undefined, expiresAt: undefined, meta: undefined, origin: 'test' }
  emit([{ changes: [{ ...change, ...rest }], asOf: seq, proposal: undefined, agreements: new Map(), tiers: [] }])
  // RxJS would throw again from a timer: give it one.
  await new Promise((resolve) => setTimeout(resolve, 0))
}
await hooks.close()
console.log(JSON.stringify(good))
