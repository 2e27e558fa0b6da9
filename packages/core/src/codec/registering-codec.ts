import type { ClassOptions, ClassRegistry } from './class-registry.ts'
import type { Codec, EnvelopeCodec } from './codec.ts'

/** A codec that can be taught classes. */
export interface RegisteringCodec extends Codec {
  /**
   * Instances of this class, and not of its subclasses, are stored as data under a name, and come back as instances. Every process
   * that reads them has to register it, before it reads the first.
   * @throws TypeError for a class or a name that is registered already, and for a wrong option
   */
  register<T extends object, D = unknown>(type: abstract new (...args: never) => T, options: ClassOptions<T, D>): this
}

export function registering(codec: EnvelopeCodec, classes: ClassRegistry): RegisteringCodec {
  const made: RegisteringCodec & EnvelopeCodec = {
    ...codec,
    register(type, options) {
      classes.register(type, options as unknown as ClassOptions)
      return this
    },
  }
  return made
}
