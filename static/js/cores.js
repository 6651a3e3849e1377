// 적용된 vCPU: cores × threads, while they are typed; the summary's number comes from the server.
document.addEventListener("input", (event) => {
  const box = event.target.closest("[data-topology]");
  const applied = box?.querySelector("[data-applied]");
  if (!applied) return;
  const threads = Number(box.querySelector("[name=threads_per_core]:checked")?.value);
  const cores = Number(box.querySelector("[name=cores]").value);
  applied.textContent = cores > 0 && threads ? cores * threads : "-";
});
