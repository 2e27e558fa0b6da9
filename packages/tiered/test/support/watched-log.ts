import { AsyncLocalStorage } from 'node:async_hooks'
import { onTestFinished } from 'vitest'
import type { Instance } from './fleet.ts'

/** How often the log is read for what this test does from now on. What runs by itself, as the tail does, is not counted. */
export function watchLog({ back }: Instance): { readonly pages: number } {
  const watch = { pages: 0 }
  const thisTest = new AsyncLocalStorage<true>()
  thisTest.enterWith(true)
  const { log } = back
  const read = log.read.bind(log)
  log.read = (options) => {
    if (thisTest.getStore()) watch.pages++
    return read(options)
  }
  onTestFinished(() => void (log.read = read))
  return watch
}
