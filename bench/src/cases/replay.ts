import type { Case, Contender, Place } from '../runner/case.ts'

const eventsIn = ({ quick }: Place): number => (quick ? 10_000 : 200_000)

const contender = (name: string, by: 'tidemarkReplay' | 'rawReplay', values: boolean): Contender => ({
  name,
  open: async (place) => (await import('../contenders/replays.ts'))[by](place, { events: eventsIn(place), values }),
})

export const replay: Case = {
  name: 'replay',
  measures:
    'changes({ from: "start" }) over a log of 200,000 commits of one write of 100 bytes each, with and without their values',
  needsRedis: false,
  contenders: [
    contender('tidemark', 'tidemarkReplay', false),
    contender('tidemark-values', 'tidemarkReplay', true),
    contender('sqlite-rows', 'rawReplay', false),
    contender('sqlite-rows-decoded', 'rawReplay', true),
  ],
  targets: [
    { kind: 'rate', ours: 'tidemark', of: 'events', atLeast: 300_000 },
    { kind: 'rate', ours: 'tidemark-values', of: 'events', atLeast: 150_000 },
    { kind: 'times', ours: 'tidemark', against: ['sqlite-rows'] },
    { kind: 'times', ours: 'tidemark-values', against: ['sqlite-rows-decoded'] },
  ],
}
