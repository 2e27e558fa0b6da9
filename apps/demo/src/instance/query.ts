import { ApiError } from './api-error.ts'

type Parsers = Readonly<Record<string, (text: string) => unknown>>
type Parsed<P extends Parsers> = { readonly [Name in keyof P]: ReturnType<P[Name]> | undefined }

/** Reads the parameters that a route knows. @throws ApiError 400 for one that it does not know, or that occurs twice. */
export function readQuery<P extends Parsers>(query: unknown, parsers: P): Parsed<P> {
  const parsed: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(query as Record<string, string | string[]>)) {
    const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined
    if (parse === undefined) {
      const allowed = Object.keys(parsers)
      const hint = allowed.length === 0 ? 'there are none here' : `allowed: ${allowed.join(', ')}`
      throw new ApiError(400, 'UNKNOWN_PARAMETER', `unknown parameter ${name}; ${hint}`, { details: { allowed } })
    }
    if (typeof text !== 'string') throw invalidParameter(name, 'must be given once')
    parsed[name] = parse(text)
  }
  return parsed as Parsed<P>
}

/** A parser of whole numbers within bounds. */
export function integer(name: string, min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
    if (value >= min && value <= max) return value
    const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`
    throw invalidParameter(name, `must be an integer ${range}`)
  }
}

export function invalidParameter(name: string, problem: string): ApiError {
  return new ApiError(400, 'INVALID_PARAMETER', `${name} ${problem}`)
}
