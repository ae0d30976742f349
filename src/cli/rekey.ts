import type { Command } from 'commander'
import { exits } from './exits.js'
import type { Tools } from './tools.js'

const progressEvery = 1_000
const told = 5

export function rekeyVerb(program: Command, tools: Tools): void {
  program
    .command('rekey')
    .description('replace the master key by a new one and seal everything anew; a server may be running')
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--new-key-file <file>', 'where the new key goes, when COUNTERSIGN_MASTER_KEY holds the key')
    .addHelpText('after', '\nExample:\n  countersign rekey --data /var/lib/countersign')
    .action(async ({ data, newKeyFile }: { data?: string; newKeyFile?: string }) => {
      const onRows = (rows: number) => {
        if (rows % progressEvery === 0) tools.progress(`${rows} values sealed anew`)
      }
      const { resumed, resealed, damaged, keyFile, oldKeyFile } = await tools.rekey(tools.config({ data }), {
        newKeyFile,
        onRows,
      })
      tools.progress(undefined)
      tools.print(
        JSON.stringify({ resumed, resealed, damaged: damaged.length, key_file: keyFile, old_key_file: oldKeyFile }),
      )
      tools.say(`${resealed} values sealed anew; the master key is in ${keyFile}: back it up, apart from the database`)
      if (oldKeyFile !== undefined) {
        tools.say(
          `the one before is kept as ${oldKeyFile}: backups made before now need it; remove it with the last of them`,
        )
      } else tools.say(`give COUNTERSIGN_MASTER_KEY what is in ${keyFile} before you start the gateway`)
      for (const what of damaged.slice(0, told)) tools.say(`could not be opened, and was left as it is: ${what}`)
      tools.exit(damaged.length === 0 ? exits.done : exits.notDone)
    })
}
