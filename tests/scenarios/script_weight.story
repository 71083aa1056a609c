# A failing script lowers the priority below the other's; rise and fall count consecutive results.
node a priority=150 garp_master_delay=0s boot=later track=chk
script a chk weight=-60 rise=2 fall=3
boot a
node b priority=100 garp_master_delay=0s
result a chk ok
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
result a chk failed
result a chk failed
run 2s
----
result a chk ok
result a chk failed
result a chk failed
result a chk failed
run 7s
----
 10023 ms  b announces 192.168.200.16 x5
 10023 ms  b MASTER
 10023 ms  a BACKUP
 10023 ms  b announces 192.168.200.16 x1
result a chk ok
result a chk ok
run 7s
----
 16437 ms  a announces 192.168.200.16 x5
 16437 ms  a MASTER
 16438 ms  b BACKUP
 16438 ms  a announces 192.168.200.16 x1
