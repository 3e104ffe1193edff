#!/bin/sh
# Starts workerd so that it ends with whoever started it. workerd itself notices nothing when its parent is killed, and would go on listening.
# The kernel of Linux can tell it (prctl PR_SET_PDEATHSIG), which Node cannot ask for.
exec setpriv --pdeathsig KILL -- "$MCPIST_WORKERD" "$@"
