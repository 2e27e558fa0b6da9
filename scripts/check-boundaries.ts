// Holds the walls of the house: who may import whom, and what each package may reach. See boundaries/rules.ts.
import { checkBoundaries } from './boundaries/check.ts'

const breaches = checkBoundaries(process.argv[2] ?? process.cwd())
for (const breach of breaches) console.error(breach)
if (breaches.length > 0) {
  console.error(`\n${breaches.length} import ${breaches.length === 1 ? 'boundary' : 'boundaries'} crossed`)
  process.exitCode = 1
}
