import { existsSync, globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, matchesGlob, relative, resolve, sep } from 'node:path'
import { findCycles } from './cycles.ts'
import { GUARDED_LIBRARIES, NODE_GLOBALS, type PackageRules, RULES } from './rules.ts'
import { type Mention, readSourceFile } from './source-file.ts'

interface Manifest {
  readonly name?: string
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.')

/** The package that a specifier names: `rxjs/operators` is in `rxjs`, `@a/b/c` is in `@a/b`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder + sep)
}

/** Every breach of the rules in the workspace at `root`, one readable line each; an empty list is a pass. */
export function checkBoundaries(root: string): string[] {
  const manifests = new Map<string, Manifest>()
  for (const { folder, name } of RULES) {
    const file = join(root, folder, 'package.json')
    if (existsSync(file)) manifests.set(name, JSON.parse(readFileSync(file, 'utf8')) as Manifest)
  }
  return [
    ...findUnruled(root),
    ...RULES.flatMap((rules) => {
      const manifest = manifests.get(rules.name)
      if (manifest === undefined) return []
      return [...checkManifest(rules, manifest), ...checkFiles(root, rules, manifest, manifests)]
    }),
  ]
}

/** A package without rules would be a hole in the wall. */
function findUnruled(root: string): string[] {
  return globSync('{packages/*,apps/*,bench*}/package.json', { cwd: root })
    .map((file) => dirname(file).split(sep).join('/'))
    .filter((folder) => !RULES.some((rules) => rules.folder === folder))
    .map((folder) => `${folder}/package.json: has no rules yet: add it to scripts/boundaries/rules.ts`)
}

/** Why `rules` forbids the library or package `name`; undefined when it does not. */
function forbidden(rules: PackageRules, name: string): string | undefined {
  if (name !== rules.name && RULES.some((other) => other.name === name) && !rules.workspace.includes(name)) {
    const allowed = rules.workspace.length > 0 ? rules.workspace.join(', ') : 'none'
    return `${rules.name} must not depend on ${name} (allowed of this workspace: ${allowed})`
  }
  const library = name.replace(/^@types\//, '')
  if (GUARDED_LIBRARIES.includes(library) && rules.guarded !== 'any' && !rules.guarded.includes(library)) {
    const homes = RULES.filter((other) => other.guarded !== 'any' && other.guarded.includes(library))
    return `${rules.name} must not depend on ${library}, whose home is ${homes.map((home) => home.name).join(', ')}`
  }
  return undefined
}

/** What an installed copy of the package brings along. Development dependencies are free. */
function runtimeDependencies(manifest: Manifest): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = manifest
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
}

function checkManifest(rules: PackageRules, manifest: Manifest): string[] {
  const at = `${rules.folder}/package.json`
  const wrongName = manifest.name === rules.name ? [] : [`${at}: is named ${manifest.name}, not ${rules.name}`]
  const breaches = runtimeDependencies(manifest).map((name) => forbidden(rules, name))
  return [...wrongName, ...breaches.filter((breach) => breach !== undefined).map((breach) => `${at}: ${breach}`)]
}

function checkFiles(
  root: string,
  rules: PackageRules,
  manifest: Manifest,
  manifests: ReadonlyMap<string, Manifest>,
): string[] {
  const home = resolve(root, rules.folder)
  const listed = new Set([...runtimeDependencies(manifest), rules.name])
  const graph = new Map<string, string[]>()
  const lines: string[] = []

  for (const path of globSync('{src,test}/**/*.ts', { cwd: home }).toSorted()) {
    const file = join(home, path)
    const inSources = isInside(join(home, 'src'), file)
    const isPortable = isPortableFile(home, rules, file)
    const source = readSourceFile(file)
    const report = (mention: Mention, breach: string | undefined): void => {
      if (breach === undefined) return
      lines.push(`${relative(root, file).split(sep).join('/')}:${mention.line}: ${breach}`)
    }

    const neighbours: string[] = []
    for (const mention of source.imports) {
      const specifier = mention.what
      if (isRelative(specifier)) {
        const target = resolve(dirname(file), specifier)
        report(mention, checkRelative(home, target, specifier, inSources))
        if (isPortable && isInside(join(home, 'src'), target) && !isPortableFile(home, rules, target)) {
          report(mention, `${specifier} runs in Node.js only; ${path.split(sep).join('/')} runs in browsers too`)
        }
        neighbours.push(target)
      } else {
        report(mention, checkSubpath(specifier, manifests))
        if (inSources) report(mention, checkSourceImport(rules, listed, specifier, isPortable))
      }
    }
    graph.set(file, neighbours)

    if (isPortable) {
      for (const mention of source.identifiers) {
        if (!NODE_GLOBALS.includes(mention.what)) continue
        report(mention, `${rules.name} must not use the global ${mention.what}: it runs in browsers too`)
      }
    }
  }

  const shorten = (file: string): string => relative(root, file).split(sep).join('/')
  for (const cycle of findCycles(graph)) {
    lines.push(`${shorten(cycle[0] ?? '')}: import cycle: ${[...cycle, cycle[0] ?? ''].map(shorten).join(' → ')}`)
  }
  return lines
}

function isPortableFile(home: string, { portable }: PackageRules, file: string): boolean {
  const folders = typeof portable === 'boolean' ? (portable ? ['src'] : []) : portable
  return folders.map((folder) => join(home, folder)).some((folder) => file === folder || isInside(folder, file))
}

function checkRelative(home: string, target: string, specifier: string, inSources: boolean): string | undefined {
  if (!isInside(home, target)) return `${specifier} leaves the package: import other packages by their name`
  if (inSources && !isInside(join(home, 'src'), target))
    return `${specifier} leaves src, which is all that is published`
  if (!/\.(ts|json)$/.test(specifier)) return `${specifier} must name the source file, with its .ts`
  return undefined
}

/** Across packages only what `exports` names is public. */
function checkSubpath(specifier: string, manifests: ReadonlyMap<string, Manifest>): string | undefined {
  const name = packageOf(specifier)
  const manifest = manifests.get(name)
  if (manifest === undefined || specifier === name) return undefined
  const subpath = `.${specifier.slice(name.length)}`
  if (Object.keys(manifest.exports ?? {}).some((pattern) => matchesGlob(subpath, pattern))) return undefined
  return `${specifier} reaches into ${name}, which does not export it`
}

function checkSourceImport(
  rules: PackageRules,
  listed: ReadonlySet<string>,
  specifier: string,
  isPortable: boolean,
): string | undefined {
  if (isBuiltin(specifier)) {
    if (isPortable) return `${rules.name} must not import ${specifier}: it runs in browsers too`
    if (!specifier.startsWith('node:')) return `${specifier} is built into Node.js: write node:${specifier}`
    return undefined
  }
  const name = packageOf(specifier)
  if (name === rules.name) return `${rules.name} imports itself: use a relative path`
  const breach = forbidden(rules, name)
  if (breach !== undefined) return breach
  return listed.has(name) ? undefined : `${name} is missing from the dependencies in ${rules.folder}/package.json`
}
