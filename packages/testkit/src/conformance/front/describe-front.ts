import { describe } from 'vitest'
import { describeFrontFence } from './fence.ts'
import type { StartFront } from './front-suite.ts'
import { describeFrontRaces } from './races.ts'
import { describeRecords } from './records.ts'

/** What every front promises about records and fences, as tests of the adapter that `start` starts. */
export function describeFront(name: string, start: StartFront): void {
  describe(`front: ${name}`, () => {
    describeRecords(start)
    describeFrontRaces(start)
    describeFrontFence(start)
  })
}
