// Has nothing left to do but to close what somebody works for who never ends.
import { createMemoryBack } from '@tidemark/core'
import { consume, createHooks } from '@tidemark/hooks'
import { commitNumbers } from '../support/writing.ts'

const back = createMemoryBack()
const begun = Promise.withResolvers<void>()
function never(): Promise<void> {
  begun.resolve()
  return new Promise(() => {})
}

if (process.argv[2] === 'hooks') {
  const hooks = createHooks(back, { closeGraceMs: 50 })
  hooks.add('stuck', never)
  hooks.hookErrors$.subscribe()
  await commitNumbers(back, 1)
  await begun.promise
  await hooks.close()
} else {
  const consumer = consume(back, 'stuck', { from: 'start', closeGraceMs: 50 }, never)
  await commitNumbers(back, 1)
  await begun.promise
  await (await consumer).close()
}
console.log('closed')
