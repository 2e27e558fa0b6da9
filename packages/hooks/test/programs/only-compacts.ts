// Has nothing to do but to wait until its log is short.
import { createMemoryBack } from '@tidemark/core'
import { startCompactor } from '@tidemark/hooks'
import { commitNumbers } from '../support/writing.ts'

const back = createMemoryBack()
await commitNumbers(back, 500)
const compactor = startCompactor(back, { maxChanges: 10, step: 20, everyMs: 1_000_000 })
console.log((await compactor.compactNow()).floor)
