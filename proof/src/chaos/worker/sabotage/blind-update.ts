import type { Subject } from '../subject.ts'

/** A read-modify-write without compare-and-set (row 19 of docs/races.md). */
export function blindUpdate(subject: Subject): Subject {
  return {
    ...subject,
    async update(key, fn, policy) {
      const old = await subject.get(key)
      return { ...(await subject.set(key, fn(old), policy)), old }
    },
  }
}
