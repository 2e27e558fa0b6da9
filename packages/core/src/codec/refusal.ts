import { TidemarkError } from '../errors.ts'

/**
 * Why a value cannot be encoded. It travels up through the containers, each of which says where it was, so that the path
 * costs nothing as long as nothing is refused.
 */
export class Refusal extends Error {
  readonly #advice: string
  readonly #container: object | undefined
  #path = ''
  #cyclic = false

  /** @param container for what is nested too deeply: the innermost container, to tell cycles from mere depth. */
  constructor(what: string, advice: string, container?: object) {
    super(what)
    this.#advice = advice
    this.#container = container
  }

  /** Whatever was thrown while a value was read: a refusal, an error of a getter, or a stack that was too short. */
  static from(thrown: unknown): Refusal {
    if (thrown instanceof Refusal) return thrown
    const refusal = new Refusal('could not be read', 'see the cause')
    refusal.cause = thrown
    return refusal
  }

  /** Prepends the step that led from `container` to what was refused. */
  within(container: object, step: string): this {
    this.#path = step + this.#path
    if (container === this.#container) {
      this.#cyclic = true
      this.#path = ''
    }
    return this
  }

  toError(): TidemarkError {
    const where = `value${shorten(this.#path)}`
    const why = this.#cyclic ? 'contains itself, and only trees can be stored' : this.message
    const advice = this.#cyclic ? 'refer to what is above it by key' : this.#advice
    return new TidemarkError('UNENCODABLE', `${where} ${why}; ${advice}`, { cause: this.cause })
  }
}

/** A property as one writes it in code. */
export function propertyStep(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}

/** Where a path is too long to be read, its beginning and its end say most. */
function shorten(path: string): string {
  return path.length <= 300 ? path : `${path.slice(0, 150)} … ${path.slice(-150)}`
}
