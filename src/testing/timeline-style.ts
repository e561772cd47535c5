// The look of the timeline's page: colours for fates, readable in light and dark and on paper.
export const timelineStyle: string = `
:root { color-scheme: light dark; --line: #8884; --head: #8881; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.note { font: 13px/1.5 ui-monospace, monospace; background: var(--head); padding: .5rem .75rem; margin: .25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.facts span { margin-right: 1rem; opacity: .8; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { position: sticky; top: 0; background: Canvas; }
td.number, td.range { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.number { text-align: right; opacity: .7; }
td.path { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.mark { display: inline-block; border-radius: .3rem; padding: 0 .45rem; border: 1px solid; overflow-wrap: anywhere; }
.mark.durable { color: #1a7f37; }
.mark.settles { color: #1a7f37; border-style: dashed; }
.mark.kept { color: #0969da; }
.mark.pending { color: #9a6700; }
.mark.torn { color: #fff; background: #bc4c00; border-color: #bc4c00; }
.mark.lost { color: #fff; background: #cf222e; border-color: #cf222e; }
.mark.forgotten, .mark.failed { color: #cf222e; font-weight: 600; }
.mark.gone { color: #57606a; }
.fault { color: #cf222e; font-family: ui-monospace, monospace; }
.row-lost, .file-lost { background: #cf222e14; }
.row-torn, .file-changed { background: #bc4c0014; }
.row-failed, .row-forgotten { background: #cf222e0a; }
.row-settles { background: #1a7f370d; }
details { margin: 1rem 0; }
@media (prefers-color-scheme: dark) {
  .mark.durable, .mark.settles { color: #3fb950; }
  .mark.kept { color: #58a6ff; }
  .mark.pending { color: #d29922; }
  .mark.forgotten, .mark.failed, .fault { color: #ff7b72; }
}
`;
