import { TidemarkError } from '@tidemark/core'
import type { ConsumerParts } from './consumer-parts.ts'
import type { Halt } from './lane-mark.ts'

const CODE = 'PARKED_FULL'

/** @param cause what the change failed with that is to be parked; undefined: an earlier one of its key is */
export function parkedFull(
  { name, options }: Pick<ConsumerParts, 'name' | 'options'>,
  lane: number,
  cause: unknown,
): TidemarkError {
  return new TidemarkError(
    CODE,
    `lane ${lane} of consumer ${name} has ${options.maxParked} changes parked, as many as maxParked allows: replay or drop ` +
      'some of them, and it goes on',
    { retryable: true, cause },
  )
}

/** Whether a lane stands still only for want of room. */
export function isParkedFull(halt: Halt | undefined): boolean {
  return halt?.code === CODE
}
