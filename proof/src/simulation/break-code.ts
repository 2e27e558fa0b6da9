// Given to `node --import`: the production code is loaded with one rule broken.
import { registerHooks } from 'node:module'
import { env } from 'node:process'
import { BROKEN_CODE, BROKEN_CODE_VARIABLE } from './broken-code.ts'

const found = BROKEN_CODE.find(({ name }) => name === env[BROKEN_CODE_VARIABLE])
if (found === undefined) throw new RangeError(`${BROKEN_CODE_VARIABLE} names no rule: ${env[BROKEN_CODE_VARIABLE]}`)
const { module, rule, broken } = found

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(module)) return loaded
    const { source: bytes } = loaded
    const source = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)
    // Otherwise it would be the production code as it is that goes unnoticed.
    if (source.split(rule).length !== 2) throw new Error(`${module} does not hold this once: ${rule}`)
    return { ...loaded, source: source.replace(rule, broken) }
  },
})
