// Has nothing to do but to wait for changes, and then ends that in the given way. The change comes from a timer that
// keeps no process alive, as the polls of a log do: it fires only where the wait does.
import { createMemoryBack, type Log } from '@tidemark/core'
import { changes, changes$ } from '@tidemark/hooks'
import { commitNumbers } from '../support/writing.ts'
import { withLog } from '../support/reading.ts'

const how = process.argv[2]
const back = createMemoryBack()
let waits = 0
const log: Log = withLog(back.log, {
  wait: (after, signal) => {
    const task = waits++ === 0 ? () => commitNumbers(back, 1) : () => end()
    setTimeout(() => void task(), 20).unref()
    return back.log.wait(after, signal)
  },
})
const stop = new AbortController()
let end: () => unknown = () => stop.abort()
if (how === 'close') end = () => back.close()

if (how === 'unsubscribe') {
  const subscription = changes$(log).subscribe((batch) => console.log(batch.changes.length))
  end = () => subscription.unsubscribe()
} else {
  try {
    for await (const batch of changes(log, { signal: stop.signal })) {
      console.log(batch.changes.length)
      if (how === 'break') break
    }
  } catch (error) {
    console.log((error as { code?: string }).code)
  }
}
