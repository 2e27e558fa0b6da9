import type { Subject } from '../subject.ts'

/** Values are stored without the tags that they were written with, so that nothing that invalidates a tag reaches them. */
export function forgottenTags(subject: Subject): Subject {
  return {
    ...subject,
    getOrSet: (key, load, options) => subject.getOrSet(key, load, { ...options, tags: [] }),
    // The value tells its tags to the checker; the store is told of none.
    set: (key, value, policy) => subject.set(key, value, policy, []),
  }
}
