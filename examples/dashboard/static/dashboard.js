/* What patches cost, as the client measures it. The server's template leaves the two elements empty, and patches leave
   alone what a script has put into them. */
const sum = { patches: 0, bytes: 0, ops: 0, ms: 0 };
let last = null;

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const count = new Intl.NumberFormat("en");
const of = (n, one, many) => `${count.format(n)} ${n === 1 ? one : many}`;
const size = (bytes) => (bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${number.format(bytes / 1e3)} kB` : `${number.format(bytes / 1e6)} MB`);

function write() {
  const [one, all] = [document.getElementById("last"), document.getElementById("sum")];
  if (one) one.textContent = `${size(last.bytes)}, ${of(last.ops, "operation", "operations")}, ${number.format(last.ms)} ms`;
  if (all) all.textContent = `${of(sum.patches, "patch", "patches")}, ${size(sum.bytes)}, ${number.format(sum.ms / sum.patches)} ms each`;
}

addEventListener("live:patched", ({ detail }) => {
  last = detail;
  sum.patches++;
  sum.bytes += detail.bytes;
  sum.ops += detail.ops;
  sum.ms += detail.ms;
  write();
});
