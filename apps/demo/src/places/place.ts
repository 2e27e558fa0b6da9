/** A place as it is stored and sent. Its version is not part of it: that is the store's, and travels as the ETag. */
export interface Place {
  readonly name: string
  /** ISO 3166, two capital letters. */
  readonly country: string
  readonly population: number
  readonly loc: { readonly lat: number; readonly lon: number }
  /** A mark of whoever edited it last, never the same twice: shows whether a version and a payload belong together. */
  readonly rev?: number
}

const MAX_NAME_LENGTH = 200

const FIELDS = 'name, country, population, loc, rev'

/** What is wrong with a value that should be a place. */
export class InvalidPlaceError extends Error {
  override readonly name = 'InvalidPlaceError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.problems = problems
  }
}

/** A copy of `value` that holds exactly the fields of a place. @throws InvalidPlaceError that names every problem. */
export function toPlace(value: unknown): Place {
  if (!isRecord(value)) throw new InvalidPlaceError([`a place is a JSON object with ${FIELDS}`])
  const { name, country, population, loc, rev, ...rest } = value
  const problems: string[] = []
  const unknown = Object.keys(rest)
  if (unknown.length > 0) problems.push(`unknown field ${unknown.join(', ')}; allowed: ${FIELDS}`)
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) {
    problems.push(`name must be a text of 1 to ${MAX_NAME_LENGTH} characters`)
  }
  if (!isCountry(country)) problems.push('country must be two capital letters, as in "DE"')
  if (!isCount(population)) problems.push('population must be an integer of 0 or more')
  if (!isLocation(loc)) problems.push('loc must be {"lat": -90 to 90, "lon": -180 to 180}')
  if (rev !== undefined && !isCount(rev)) problems.push('rev must be an integer of 0 or more')
  if (problems.length > 0) throw new InvalidPlaceError(problems)
  const { lat, lon } = loc as Place['loc']
  const place = { name, country, population, loc: { lat, lon } } as Place
  return rev === undefined ? place : { ...place, rev: rev as number }
}

export function isCountry(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z]{2}$/.test(value)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isLocation(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { lat, lon, ...rest } = value
  return isWithin(lat, 90) && isWithin(lon, 180) && Object.keys(rest).length === 0
}

function isWithin(value: unknown, bound: number): boolean {
  return typeof value === 'number' && Math.abs(value) <= bound
}
