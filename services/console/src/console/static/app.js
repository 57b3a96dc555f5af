// Has parts that poll look again, every two seconds while the page is seen.
setInterval(() => {
  if (document.visibilityState === "visible") document.body.dispatchEvent(new CustomEvent("tick"));
}, 2000);
