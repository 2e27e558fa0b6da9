import type { Precondition } from '../places/precondition.ts'
import { ApiError } from './api-error.ts'

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
  if (ifMatch === undefined) return undefined
  const tags = parseTags('If-Match', ifMatch)
  if (tags === '*') return { is: 'present' }
  // Strong comparison: a weak tag matches nothing.
  return { is: 'one-of', versions: tags.flatMap(({ isWeak, version }) => (isWeak ? [] : [version])) }
}

/** Tags that are no version of ours are well-formed and match nothing: their version is -1. */
function parseTags(header: string, text: string): '*' | readonly { isWeak: boolean; version: number }[] {
  if (text.trim() === '*') return '*'
  return text.split(',').map((part) => {
    const [, weak, opaque] = /^\s*(W\/)?"([^"]*)"\s*$/.exec(part) ?? []
    if (opaque === undefined) {
      throw new ApiError(400, 'INVALID_HEADER', `${header} must be * or versions in quotes, as in ${header}: "123"`)
    }
    return { isWeak: weak !== undefined, version: /^\d{1,16}$/.test(opaque) ? Number(opaque) : -1 }
  })
}
