import { expect, test } from 'vitest'
import { explore } from '../src/model/checker/explore.ts'
import { protocolOf } from '../src/model/protocol.ts'
import { scenarioNamed } from '../src/model/scenarios/scenarios.ts'
import { worldOf } from '../src/model/world.ts'

/** Some seconds of pure computation, on a machine that may be busy with ten other things. */
const PATIENT_MS = 120_000

const SMALL = [
  'around',
  'absence',
  'late-start',
  'suspend',
  'bounds',
  'split-brain',
  'restart-suspend',
  'undeclared',
  'near',
  'near-front',
]

const EVERY_KIND = [
  'F# agrees on epoch # at head #',
  'F# announces a start',
  'F# claims S#',
  'F# completes its start at S#',
  'F# completes its start in vain',
  'F# crashes',
  'F# ends the suspension',
  'F# finds that a start is needed',
  'F# finds the mark right',
  'F# gives up its start',
  'F# is refused its start',
  'F# lets writers wait for less',
  'F# reads the log from # to #',
  'F# reconnects to S#',
  'F# tails from # to # at S#',
  'N evicts k#',
  'N fills k#',
  'N forgets k#',
  'N reads k# at S#',
  'N reads k# below',
  'N starts at #',
  'N takes # from the log',
  'N takes its own #',
  'R# certificate expires',
  'R# claims S#',
  'R# fills k# absent as of # at S#',
  'R# fills k# v# as of # at S#',
  'R# fills k# v# as of # at S#, in epoch #',
  'R# finds the mark right',
  'R# is certified to #',
  'R# raises the bound',
  'R# reads k# below: absent as of #',
  'R# reads k# below: v# as of #',
  'R# reconnects to S#',
  'R# sample expires',
  'R# samples',
  'S# is flushed',
  'S# is replicated',
  'S# restarts from its snapshot, as S#',
  'S# saves a snapshot',
  'S# takes over, S# goes on',
  'S# takes over, S# is dead',
  'W# applies # at S#',
  'W# applies # at S#, in epoch #',
  'W# applies # at S#, memory runs out',
  'W# commits delete k#',
  'W# commits set k#',
  'W# crashes',
  'W# is acknowledged (after Δ)',
  'W# is acknowledged (applied)',
  'W# is acknowledged (suspended)',
  'W# reconnects to S#',
  'W# suspends',
  'a backup is made',
  'k# is evicted at S#',
  'meta is lost at S#',
  'the backup of # is restored',
]

/** What is safe because it never happens is not safe. */
test('every kind of step, and of fault, is taken somewhere', { timeout: PATIENT_MS }, () => {
  const labels = new Set<string>()
  for (const name of SMALL) {
    const system = protocolOf(worldOf(scenarioNamed(name)))
    explore({
      ...system,
      steps: (state, emit) =>
        system.steps(state, (label, next) => {
          labels.add(label)
          emit(label, next)
        }),
    })
  }
  // Not of every step: there are more than a million, and few different ones.
  const taken = new Set(Array.from(labels, (label) => label.replaceAll(/\d+/g, '#')))
  expect([...taken].toSorted()).toEqual(EVERY_KIND)
})
