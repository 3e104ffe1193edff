/** Does nothing: when it stands still, the machine does. */
setInterval(() => {}, 1000);
