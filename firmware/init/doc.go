// Command init is the first program on the appliance, and the only one beside passerelle: it brings the machine from the kernel to a
// running gate, and keeps it there.
//
// It runs twice. As /init of the initramfs it loads what the disk needs, finds the root partition by its label and goes on as /sbin/init
// of that partition, which is read-only (erofs). There it mounts the state partition, loads the drivers that the image has, puts every
// output into its safe state, and runs the gate.
//
// What it decides, and why:
//
//   - The gate is started again for as long as it takes, after a pause of a second. Before each start, and after each end, "passerelle
//     lamps safe" takes all outputs back: whether a line keeps its level when its owner is killed depends on the chip's driver.
//   - Only what the image lists is ever loaded: a USB stick or a network adapter that somebody plugs in finds no driver.
//   - A state partition that cannot be mounted is tried again and again, and the gate stays shut meanwhile: without its journal it may
//     admit nobody.
//   - Configuration is one file on the state partition. Until it is there the box waits for it, and says so on the console.
//   - A fault of the kernel, or the end of this program, starts the box again; a keyboard that somebody plugs in cannot (Ctrl-Alt-Del, SysRq).
//   - No shell, no login, no package manager: who has the console has the log and nothing else.
//
// Not there yet: dm-verity over the root partition, two slots and signed updates, a network set-up (reports leave only where the kernel
// was given one), a user of its own for the gate, which runs as root here.
package main
