import type { Found } from '@tidemark/core'

/** Of a value, the seq that wrote it; of the knowledge that there is none, the head of the snapshot that missed it. */
export function versionOf({ entry, asOf }: Found): number {
  return entry?.version ?? asOf
}
