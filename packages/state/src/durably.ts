import type { Back } from '@tidemark/core'

/**
 * How what is kept here is written, whatever the store does with other writes: an acknowledged commit is in the back tier,
 * and no front holds what nobody reads there.
 */
export function durably(back: Back): object {
  return back.writeOptions.includes('writePolicy') ? { writePolicy: 'write-around' } : {}
}
