import { describe } from 'vitest'
import { describeFrontFence } from './fence.ts'
import { type FrontCapabilities, type OpenFront, type StartFront, startFront } from './front-suite.ts'
import { describeFrontRaces } from './races.ts'
import { describeRecords } from './records.ts'

/** What every front promises, as tests of the adapter that `open` opens. */
export function frontConformance(name: string, open: OpenFront, capabilities: FrontCapabilities = {}): void {
  const start: StartFront = () => startFront(open, capabilities)
  describe(`front: ${name}`, () => {
    describeRecords(start)
    describeFrontRaces(start)
    describeFrontFence(start)
  })
}
