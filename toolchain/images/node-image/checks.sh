# The checks themselves, in order; read by `check`, which has the helpers.
# shellcheck shell=bash
# --- what is uploaded -------------------------------------------------------

make_ca server-ca
make_ca client-ca
cp "$work"/{server,client}-ca.{crt,key} "$work/upload/var/lib/rancher/k3s/server/tls/"
echo 00112233445566778899aabbccddeeff >"$work/upload/etc/rancher/node/password"
standard_config

# An image archive of the kind that people bring: `docker save`, packed.
make_archive() {
	local folder=$work/upload/var/lib/rancher/k3s/agent/images from=$work/app
	mkdir -p "$folder" "$from/bin" "$from/tmp" "$from/www"
	echo hello >"$from/www/index.html"
	docker run --rm --name "$name-tool" --entrypoint cat "$image" /usr/bin/busybox >"$from/bin/busybox"
	chmod 755 "$from/bin/busybox"
	for applet in sh sleep wget httpd cat nslookup test stat timeout; do ln -s busybox "$from/bin/$applet"; done
	tar -C "$from" --owner=0 --group=0 -c . | docker import - "example.test/$name:1" >/dev/null
	docker save "example.test/$name:1" | gzip >"$folder/app.tar.gz"
	docker rmi "example.test/$name:1" >/dev/null
}
make_archive

# --- first start ------------------------------------------------------------

began=$(now)
start
check "cold start: API ready" within 60 is_ready
echo "# cold start: API ready after $(($(now) - began)) ms"
check "unknown key is warned about and skipped" logged 'level=warning msg="Unknown flag --no-such-key found in config.yaml, skipping\n"'
check "add-ons run" within 60 pods_ready kube-system 2
echo "# cold start: add-ons run after $(($(now) - began)) ms"

api() { # api PATH CURL-OPTION...: through the published port, by the extra name
	local port
	port=$(docker port "$name" 6443/tcp | head -n 1)
	curl -sS --max-time 10 --cacert "$work/server-ca.crt" --resolve "gateway.example.test:${port##*:}:127.0.0.1" \
		"https://gateway.example.test:${port##*:}$1" "${@:2}"
}
own_client() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/own.key" -subj '/O=system:masters/CN=owner' -out "$work/own.csr"
	openssl x509 -req -in "$work/own.csr" -CA "$work/client-ca.crt" -CAkey "$work/client-ca.key" -CAcreateserial -days 1 \
		-extfile <(echo extendedKeyUsage=clientAuth) -out "$work/own.crt"
	[[ $(api /readyz --cert "$work/own.crt" --key "$work/own.key") == ok ]]
}
anonymous_is_refused() { [[ $(api /readyz -o /dev/null -w '%{http_code}') == 401 ]]; }
check "uploaded CAs are used, extra name served, own client certificate accepted" own_client
check "no credentials, no answer" anonymous_is_refused

token_is_full() {
	local hash
	hash=$(sha256sum <"$work/server-ca.crt" | cut -d' ' -f1)
	[[ $(docker exec "$name" cat /var/lib/rancher/k3s/server/token) == "K10$hash::server:check-token" ]]
}
check "server/token has the CA's hash" token_is_full
kubeconfig_is_private() { [[ $(docker exec "$name" stat -c %a /etc/rancher/k3s/k3s.yaml) == 600 ]]; }
check "k3s.yaml is private" kubeconfig_is_private
node_is_described() {
	[[ $(kubectl get node openshell-check -o jsonpath='{.metadata.annotations.k3s\.io/internal-ip} {.metadata.annotations.k3s\.io/hostname} {.status.nodeInfo.kubeletVersion}') == "$node_address openshell-check v1.35.4+k3s1" ]]
}
check "the node is described" within 20 node_is_described
kubelet_is_moved() {
	# shellcheck disable=SC2016 # for the shell in the container
	docker exec "$name" sh -c 'for file in /proc/[0-9]*/cmdline; do
		[ "$(tr "\0" "\n" <"$file" | sed -n 2p)" = kubelet ] || continue
		grep "/k3s$" "${file%cmdline}cgroup" && exit
	done; exit 1'
}
check "the kubelet leaves the container's cgroup for its own" within 20 kubelet_is_moved
password_is_hashed() {
	kubectl -n kube-system get secret openshell-check.node-password.k3s -o jsonpath='{.data.hash}' | base64 -d | grep -qE '^\$1:[0-9a-f]+:15:8:1:'
}
check "node password is kept as a hash" within 20 password_is_hashed

encrypted_at_rest() {
	kubectl create secret generic marked --from-literal=key=plainly-visible-marker
	[[ $(kubectl get secret marked -o jsonpath='{.data.key}' | base64 -d) == plainly-visible-marker ]]
	docker exec "$name" sh -c 'cat /var/lib/rancher/k3s/server/db/state.db*' >"$work/database"
	! grep -a plainly-visible-marker "$work/database"
}
check "secrets are encrypted at rest" encrypted_at_rest

# --- workloads --------------------------------------------------------------

docker run -d --name "$name-outside" --network "$name" --ip "$outside_address" --entrypoint /bin/sh "$image" \
	-c 'mkdir /www; echo outside >/www/index.html; exec busybox httpd -f -p 80 -h /www' >/dev/null

kubectl apply -f - >/dev/null <<TEXT
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: kept, annotations: {defaultVolumeType: local}}
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Retain
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: kept, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: app}
spec:
  serviceName: app
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: example.test/$name:1
        imagePullPolicy: Never
        command: [/bin/httpd, -f, -p, "8080", -h, /www]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  type: NodePort
  selector: {app: app}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: client, image: "example.test/$name:1", imagePullPolicy: Never, command: [/bin/sleep, "100000"]}]
TEXT

check "archived image runs, claim bound by local-path" within 60 pods_ready default 2
volume_of_claim() { kubectl get pv -o jsonpath='{.items[0].metadata.uid} {.items[0].spec.persistentVolumeReclaimPolicy} {.items[0].spec.claimRef.name}'; }
is_retained() { [[ $(volume_of_claim) == *" Retain data" ]]; }
check "its volume is of the class that retains" is_retained
writes_data() {
	kubectl exec app-0 -- sh -c 'echo written >/data/file'
	[[ $(kubectl exec app-0 -- stat -c %a /data) == 777 ]]
}
check "exec works, the volume is writable" writes_data
# A volume whose place a pattern says: with the slash that v0.0.34 and later want, and without.
pattern() { # pattern NAME PATTERN: a class, a claim and a pod of it
	kubectl apply -f - >/dev/null <<-TEXT
		apiVersion: storage.k8s.io/v1
		kind: StorageClass
		metadata: {name: $1}
		provisioner: rancher.io/local-path
		volumeBindingMode: WaitForFirstConsumer
		parameters: {pathPattern: "$2"}
		---
		apiVersion: v1
		kind: PersistentVolumeClaim
		metadata: {name: $1}
		spec: {storageClassName: $1, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: $1}
		spec:
		  terminationGracePeriodSeconds: 1
		  containers:
		  - name: app
		    image: example.test/$name:1
		    imagePullPolicy: Never
		    command: [/bin/sleep, "100000"]
		    volumeMounts: [{name: data, mountPath: /data}]
		  volumes: [{name: data, persistentVolumeClaim: {claimName: $1}}]
	TEXT
}
own='{{ .PVC.Namespace }}/{{ .PVC.Name }}'
pattern placed "$own/"
pattern refused "$own"
is_placed() { [[ $(kubectl get pv "$(kubectl get pvc placed -o jsonpath='{.spec.volumeName}')" -o jsonpath='{.spec.*.path}') == */storage/default/placed ]]; }
check "a pathPattern places a volume" within 60 is_placed
is_refused() {
	[[ $(kubectl get events --field-selector involvedObject.name=refused,reason=ProvisioningFailed -o jsonpath='{.items[*].message}') == *"failed to create path from pattern $own: pathPattern must start with $own/: default/refused"* ]]
}
check "one that does not end in a slash is refused" within 60 is_refused
kubectl delete pod,pvc placed refused --wait=false >/dev/null
only_one_volume() { [[ $(kubectl get pv -o name | wc -l) == 1 ]]; }
check "a volume goes with its claim" within 60 only_one_volume
kubectl delete storageclass placed refused >/dev/null
exec_status() {
	local status=0
	kubectl exec app-0 -- sh -c 'exit 7' || status=$?
	((status == 7))
}
check "exec gives the command's status" exec_status
answers_outside() {
	local port
	port=$(docker port "$name" 30080/tcp | head -n 1)
	[[ $(curl -sS --max-time 5 "http://127.0.0.1:${port##*:}/") == hello ]]
}
check "NodePort answers through the published port" within 20 answers_outside
check "cluster DNS and service address answer" within 20 fetches client http://app.default.svc.cluster.local/ hello

# --- network policy ---------------------------------------------------------

app_address() { kubectl get pod app-0 -o jsonpath='{.status.podIP}'; }
direct=http://$(app_address):8080/
check "without policy: pod to pod" fetches client "$direct" hello
check "without policy: pod to outside" fetches client "http://$outside_address/" outside
# The kubelet's answer to a request without TLS.
node_port_answers() { [[ $(kubectl exec client -- timeout 2 wget -q -O - "http://$node_address:10250/" 2>&1) == *'HTTP/1.0 400'* ]]; }
check "without policy: pod to the node's own ports" node_port_answers

kubectl apply -f - >/dev/null <<TEXT
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
TEXT
check "default deny: no pod to pod" within 20 refused client "$direct"
check "default deny: no pod to outside" within 20 refused client "http://$outside_address/"
node_port_refused() { ! node_port_answers; }
check "default deny: no pod to the node's own ports" within 20 node_port_refused
closed_outside() { ! answers_outside; }
check "default deny: NodePort is closed" within 20 closed_outside
check "default deny: exec still works" kubectl exec client -- test -d /www
kubectl apply -f - >/dev/null <<TEXT
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: app}
spec:
  podSelector: {matchLabels: {app: app}}
  policyTypes: [Ingress]
  ingress:
  - {from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}
  # What comes in by a published port has the address of Docker's gateway.
  - {from: [{ipBlock: {cidr: $network.1/32}}], ports: [{port: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: client}
spec:
  podSelector: {matchLabels: {app: client}}
  policyTypes: [Egress]
  egress:
  - {to: [{podSelector: {matchLabels: {app: app}}}], ports: [{port: 8080}]}
  - {to: [{ipBlock: {cidr: $outside_address/32}}], ports: [{port: 80}]}
TEXT
check "allowed: pod to pod" within 20 fetches client "$direct" hello
check "allowed: pod to outside" within 20 fetches client "http://$outside_address/" outside
not_back() { kubectl exec app-0 -- test -d /www && refused app-0 "http://$outside_address/"; }
check "still denied: what no policy lists" not_back
check "allowed: NodePort answers" within 20 answers_outside

# --- a new container on the same volume -------------------------------------

node_uid() { kubectl get node openshell-check -o jsonpath='{.metadata.uid}'; }
uid_before=$(node_uid) volume_before=$(volume_of_claim)
docker rm -f "$name" >/dev/null
began=$(now)
start # uploads the same CAs again, with a new time
check "warm start: API ready" within 60 is_ready
took=$(($(now) - began))
echo "# warm start: API ready after $took ms"
in_time() { ((took <= 6000)); }
check "warm start within 6 s" in_time
app_again() { kubectl exec app-0 -- test -f /data/file && pods_ready default 2; }
check "warm start: workloads and their data are back" within 60 app_again
echo "# warm start: workloads ready after $(($(now) - began)) ms"
same_things() { [[ $(node_uid) == "$uid_before" && $(volume_of_claim) == "$volume_before" ]]; }
check "node and volume are the same" same_things
policy_again() { fetches client "http://$(app_address):8080/" hello && refused app-0 "http://$outside_address/"; }
check "policies hold again" within 20 policy_again
no_mismatch() { ! logged 'node password secret validation failed'; }
check "node password accepted" no_mismatch
check "NodePort answers again" within 20 answers_outside

# --- SIGTERM ----------------------------------------------------------------

began=$(now)
docker kill -s TERM "$name" >/dev/null
ended_well() { [[ $(timeout 30 docker wait "$name") == 0 ]]; }
check "SIGTERM ends it with status 0" ended_well
took=$(($(now) - began))
echo "# SIGTERM: gone after $took ms"
in_time() { ((took >= 5000 && took <= 9000)); }
check "its components run on for 5 s, and are gone within 9" in_time

# As a child of a shell that is PID 1: the server alone ends, pods live on, and
# the next server finds them.
as_child() {
	# shellcheck disable=SC2016 # for the shell in the container
	start "$name" "$node_address" 'while :; do k3s server & echo $! >/tmp/server; wait $!; echo "server ended: $?"; done'
	within 60 app_again
	local pod pod_before
	pod='{.status.containerStatuses[0].containerID} {.status.podIP}'
	within 20 pods_ready default 2
	pod_before=$(kubectl get pod app-0 -o jsonpath="$pod")
	# shellcheck disable=SC2016 # for the shell in the container
	docker exec "$name" sh -c 'kill -TERM $(cat /tmp/server)'
	within 12 logged 'server ended: 0'
	docker exec "$name" sh -c 'ps -o args | grep -q "^/bin/httpd"'
	within 60 is_ready
	within 60 app_again
	[[ $(kubectl get pod app-0 -o jsonpath="$pod") == "$pod_before" ]]
}
check "as a shell's child: pods outlive the server" as_child

# --- what must be refused ---------------------------------------------------

docker rm -fv "$name" >/dev/null
make_ca other-ca
cp "$work/other-ca.crt" "$work/upload/var/lib/rancher/k3s/server/tls/server-ca.crt"
touch -d '+10 seconds' "$work/upload/var/lib/rancher/k3s/server/tls/server-ca.crt"
check "a CA newer than the datastore's is fatal" starts_and_ends \
	'server/tls/server-ca.crt newer than datastore and could cause a cluster outage. Remove the file(s) from disk and restart to be recreated from datastore.'
rm -r "$work/upload/var/lib/rancher/k3s/server"
docker rm -fv "$name" >/dev/null
tool 'rm -r /data/server/tls'
restored() {
	start
	within 60 is_ready
	docker exec "$name" cat /var/lib/rancher/k3s/server/tls/server-ca.crt | cmp - "$work/server-ca.crt"
}
check "lost CA files come back from the datastore" restored
sed -i s/check-token/other-token/ "$work/upload/etc/rancher/k3s/config.yaml"
check "another token is fatal" starts_and_ends \
	'level=fatal msg="Error: preparing server: failed to bootstrap cluster data: bootstrap data already found and encrypted with different token"'
standard_config
check "another node address is fatal" starts_and_ends 'failed to find interface with specified node ip' "$name" "$network.3"
echo ffffffffffffffffffffffffffffffff >"$work/upload/etc/rancher/node/password"
password_event() {
	start
	within 60 is_ready
	within 20 logged 'Deferred node password secret validation failed'
	within 10 has_event
}
has_event() { kubectl get events -o jsonpath='{.items[*].reason}' | grep -q NodePasswordValidationFailed; }
check "another node password is a warning event" password_event

docker rm -fv "$name" >/dev/null
docker volume create "$name-other" >/dev/null
refuses() { # refuses TEXT: with the config on the input
	config
	starts_and_ends "$1" "$name-other"
}
check "a bad number is fatal" refuses 'invalid value \"x\" for flag -https-listen-port: parse error' <<<'https-listen-port: "x"'
check "a bad yes or no is fatal" refuses 'invalid boolean value \"maybe\" for -secrets-encryption: parse error' <<<'secrets-encryption: maybe'
check "a bad port range is fatal" refuses 'invalid port range 5-x' <<<'service-node-port-range: "5-x"'
check "a bad address is fatal" refuses "invalid node-ip: invalid ip format 'x'" <<<'node-ip: "x"'
check "a bad network is fatal" refuses 'invalid cluster-cidr x' <<<'cluster-cidr: "x"'
check "broken YAML is fatal" refuses 'level=fatal' <<<'a: [1'
