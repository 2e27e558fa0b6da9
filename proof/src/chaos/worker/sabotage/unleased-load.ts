import type { Subject } from '../subject.ts'

/** A load that is stored without asking what has happened since its loader was called (rows 2 and 3 of docs/races.md). */
export function unleasedLoad(subject: Subject): Subject {
  return {
    ...subject,
    async getOrSet(key, load) {
      const known = await subject.get(key)
      if (known !== undefined) return known
      const loaded = await load()
      if (loaded !== undefined) await subject.set(key, loaded, 'write-through')
      return loaded
    },
  }
}
