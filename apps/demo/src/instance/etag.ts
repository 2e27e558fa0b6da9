import type { Precondition } from '../places/precondition.ts'
import { ApiError } from './api-error.ts'

interface Tag {
  readonly isWeak: boolean
  /** undefined: well-formed, but no version that this store ever gave. It matches nothing. */
  readonly version: number | undefined
}

/** A version as a strong entity tag (RFC 9110, 8.8.3). */
export function versionTag(version: number): string {
  return `"${version}"`
}

/** Whether `If-None-Match` names the version that a read found: then 304. Compares weakly, as RFC 9110, 13.1.2 says. */
export function isNotModified(ifNoneMatch: string | undefined, version: number): boolean {
  if (ifNoneMatch === undefined) return false
  const tags = parseTags('If-None-Match', ifNoneMatch)
  return tags === '*' || tags.some(({ version: known }) => known === version)
}

/** What a write demands by `If-Match` and `If-None-Match`. @throws ApiError 400 */
export function preconditionOf(headers: {
  'if-match'?: string | undefined
  'if-none-match'?: string | undefined
}): Precondition | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new ApiError(400, 'INVALID_HEADER', 'give either If-Match or If-None-Match, not both')
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*') return { is: 'absent' }
    throw new ApiError(400, 'INVALID_HEADER', 'a write takes If-None-Match: * (create only), or If-Match: "<version>"')
  }
  return ifMatchOf(ifMatch)
}

/** What `If-Match` alone demands. @throws ApiError 400 */
export function ifMatchOf(ifMatch: string | undefined): Precondition | undefined {
  if (ifMatch === undefined) return undefined
  const tags = parseTags('If-Match', ifMatch)
  if (tags === '*') return { is: 'present' }
  // Strong comparison: a weak tag matches nothing, and neither does a foreign one.
  const versions = tags.flatMap(({ isWeak, version }) => (isWeak || version === undefined ? [] : [version]))
  return { is: 'one-of', versions }
}

/** A list of entity tags. The opaque part may hold commas, and no spaces (RFC 9110, 8.8.3). */
const TAG_LIST = /^[\s,]*(?:W\/)?"[^\s"]*"(?:\s*,\s*(?:(?:W\/)?"[^\s"]*")?)*\s*$/

function parseTags(header: string, text: string): '*' | readonly Tag[] {
  if (text.trim() === '*') return '*'
  if (!TAG_LIST.test(text)) {
    throw new ApiError(400, 'INVALID_HEADER', `${header} must be * or versions in quotes, as in ${header}: "123"`)
  }
  return [...text.matchAll(/(W\/)?"([^"]*)"/g)].map(([, weak, opaque]) => ({
    isWeak: weak !== undefined,
    version: toVersion(opaque!),
  }))
}

/** Only what {@link versionTag} writes: 0 means "absent" to the store, and above 2^53 numbers are no longer exact. */
function toVersion(opaque: string): number | undefined {
  const version = /^[1-9]\d{0,15}$/.test(opaque) ? Number(opaque) : undefined
  return Number.isSafeInteger(version) ? version : undefined
}
