import { describe } from 'vitest'
import { describeFront } from './describe-front.ts'
import { startFront } from './front-suite.ts'
import { describeRoom } from './shared-front-room.ts'
import { describeSessions } from './shared-front-sessions.ts'
import { describeStart } from './shared-front-start.ts'
import { SharedAsFront, type SharedFrontServer, type StartServer, startShared } from './shared-front-suite.ts'
import { describeSharedTail } from './shared-front-tail.ts'
import { describeViews } from './shared-front-views.ts'

/** What every shared front promises, as tests of the adapter for the server that `start` starts. */
export function sharedFrontConformance(name: string, start: StartServer): void {
  describeFront(name, async () => {
    let server: SharedFrontServer | undefined
    const open = async (context: Parameters<StartServer>[0]): Promise<SharedAsFront> => {
      const started = await startShared((own) => start({ ...own, clock: context.clock }))
      server = started.server
      return new SharedAsFront(started.front)
    }
    return startFront(open, { evict: (_front, key) => server!.evict(key), followed: (front) => front })
  })
  describe(`shared front: ${name}`, () => {
    const startOne = () => startShared(start)
    describeSessions(startOne)
    describeRoom(startOne)
    describeSharedTail(startOne)
    describeStart(startOne)
    describeViews(startOne)
  })
}
