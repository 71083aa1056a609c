# VI_2 hears a better master, so VI_1 must not become master alone either.
node a priority=150 garp_master_delay=0s boot=later
set a VI_2 virtual_router_id=52 priority=150 addresses=192.168.200.20 garp_master_delay=0s
group a VG_1 VI_1 VI_2
boot a
node b virtual_router_id=52 priority=200 garp_master_delay=0s addresses=192.168.200.20
run 15s
----
     0 ms  a BACKUP
     0 ms  a VI_2 BACKUP
     0 ms  a VG_1 BACKUP
     0 ms  b BACKUP
  3218 ms  b announces 192.168.200.20 x5
  3218 ms  b MASTER
stop b
run 5s
----
 15000 ms  b STOP
 15414 ms  a announces 192.168.200.16 x5
 15414 ms  a MASTER
 15414 ms  a announces 192.168.200.20 x5
 15414 ms  a VI_2 MASTER
 15414 ms  a VG_1 MASTER
