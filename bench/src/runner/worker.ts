// The process of one contender in one case. It measures when it is told to, and idles while others are measured.
import { findCase } from '../cases/registry.ts'
import type { Subject } from './case.ts'
import type { Answer, Assignment, Order } from './messages.ts'

const assignment = JSON.parse(process.argv[2] ?? '{}') as Assignment

function answer(message: Answer): void {
  process.send?.(message)
}

async function timed(subject: Subject, times: number): Promise<number> {
  await subject.prepare?.()
  const startedAt = performance.now()
  const ms = await subject.run(times)
  return ms ?? performance.now() - startedAt
}

/** Runs until the compiler has seen everything often, and finds how many operations fill a round. */
async function warmUp(subject: Subject): Promise<number> {
  const { warmUpMs, roundMs } = assignment
  let times = 1
  let spent = 0
  for (;;) {
    const ms = await timed(subject, times)
    spent += ms
    const fitting = Math.max(1, Math.round((times * roundMs) / Math.max(ms, 0.01)))
    if (spent >= warmUpMs && ms >= roundMs / 4) return fitting
    times = Math.min(fitting, times * 8)
  }
}

async function open(): Promise<Subject> {
  const { caseName, contender: name, place } = assignment
  const contender = (await findCase(caseName)).contenders.find((candidate) => candidate.name === name)
  if (contender === undefined) throw new Error(`${caseName} has no contender ${name}`)
  return contender.open(place)
}

async function main(): Promise<void> {
  const subject = await open()
  await subject.check?.()
  const times = assignment.times ?? (await warmUp(subject))

  const obey = async (order: Order): Promise<void> => {
    if (order === 'round') return answer({ type: 'round', times, ms: await timed(subject, times) })
    await subject.check?.()
    const notes = (await subject.notes?.()) ?? {}
    await subject.close()
    answer({ type: 'finished', notes })
  }
  process.on('message', (order: Order) => void obey(order).catch(fail))
  answer({ type: 'ready', times })
}

function fail(error: unknown): void {
  answer({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

// The parent is gone or has what it wanted: whatever a driver still holds open must not keep this process.
process.on('disconnect', () => process.exit())
process.on('uncaughtException', fail)
main().catch(fail)
