import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SharedEntries } from '../src/wide/shared-entries.ts'

const step = fc.record({ from: fc.nat(30), key: fc.nat(40), remove: fc.boolean(), many: fc.nat(3) })

test('every version is a Map of its own, whichever it was made from, and whatever becomes of the others', () => {
  fc.assert(
    fc.property(fc.nat(120), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const first = new SharedEntries()
      const model = new Map<unknown, unknown>()
      for (let i = 0; i < size; i++) {
        first.set(i, i)
        model.set(i, i)
      }
      const versions = [{ real: first, model }]
      for (const [n, { from, key, remove, many }] of steps.entries()) {
        const base = versions[from % versions.length]!
        const next = { real: base.real.fork(), model: new Map(base.model) }
        for (let i = 0; i <= many; i++) {
          const at = key + 37 * i
          if (remove) next.real.delete(at)
          else next.real.set(at, n)
          if (remove) next.model.delete(at)
          else next.model.set(at, n)
        }
        versions.push(next)
      }
      for (const version of versions) {
        expect([...version.real.entries()]).toEqual([...version.model])
        expect(version.real.size).toBe(version.model.size)
        for (let i = 0; i < 200; i++) {
          expect([version.real.has(i), version.real.get(i)]).toEqual([version.model.has(i), version.model.get(i)])
        }
      }
    }),
    { numRuns: 100 },
  )
})
